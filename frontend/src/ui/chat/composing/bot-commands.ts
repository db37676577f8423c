import { signal } from "@preact/signals";
import type { BotCommand } from "../../../contract/generated";

/** The commands that bots offer, as they were found last. What helps to write asks for them. */
export const botCommands = signal<readonly BotCommand[]>([]);
