import type { Backend } from "../api/backend";
import { ChatLink } from "../live/chat-link";
import { CloudLink } from "../live/cloud-link";
import type { ChatEvent, ChatState } from "../state/chat/model";
import type { CloudState, CloudStateEvent } from "../state/cloud/model";

interface ConnectionsOptions {
  readonly backend: Backend;
  /** The token of whoever is here; nobody has no chat connection. */
  readonly token: () => string | undefined;
  /** The token of reads: none where anybody may read. */
  readonly readToken: () => string | undefined;
  /** Ask whether who is here may see the servers. Throws what the backend throws. */
  readonly admit: () => Promise<boolean>;
  readonly chat: () => ChatState;
  readonly cloud: () => CloudState;
  readonly publishChat: (event: ChatEvent) => void;
  readonly publishCloud: (event: CloudStateEvent) => void;
  readonly isOnline?: (() => boolean) | undefined;
  readonly random?: (() => number) | undefined;
}

/** Both connections of a browser, held by the tab that leads; closed, they do nothing. */
export class Connections {
  private chatLink: ChatLink | undefined;
  private cloudLink: CloudLink | undefined;

  constructor(private readonly options: ConnectionsOptions) {}

  open(): void {
    const { admit, backend, cloud, publishCloud, readToken } = this.options;
    this.cloudLink = new CloudLink({
      ...{ backend, admit, token: readToken, state: cloud, publish: publishCloud },
      ...this.surroundings(),
    });
    this.cloudLink.start();
    this.reopenChat();
  }

  close(): void {
    for (const link of this.links()) link.stop();
  }

  /** Connect to the chat as whoever is here now. */
  reopenChat(): void {
    const { backend, chat, publishChat, readToken } = this.options;
    const token = this.options.token();
    this.chatLink?.stop();
    if (token === undefined) return;
    this.chatLink = new ChatLink({
      ...{ backend, token, readToken, state: chat, publish: publishChat },
      ...this.surroundings(),
    });
    this.chatLink.start();
  }

  /** Follow the servers as whoever is here now. */
  retryCloud = (): void => this.cloudLink?.retryNow();

  retryNow(): void {
    for (const link of this.links()) link.retryNow();
  }

  wentOffline(): void {
    for (const link of this.links()) link.wentOffline();
  }

  flush = (): void => this.chatLink?.flush();
  typing = (): void => this.chatLink?.typing();

  /** Leave the chat for good. Answers whether the server was told. */
  leave = (): boolean => this.chatLink?.leave() ?? false;

  private links(): (ChatLink | CloudLink)[] {
    return [this.chatLink, this.cloudLink].filter(link => link !== undefined);
  }

  private surroundings() {
    const { isOnline, random } = this.options;
    return { ...(isOnline ? { isOnline } : {}), ...(random ? { random } : {}) };
  }
}
