import { dictionary } from "../settings/preferences";

/** The mark of a bot. Ids of bots, and no others, begin with `bot-`. */
export const BotBadge = ({ id }: { readonly id: string }) =>
  id.startsWith("bot-") ? <span class="bot-badge">{dictionary.value.chat.bot}</span> : null;
