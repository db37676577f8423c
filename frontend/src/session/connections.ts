import type { Backend } from "../api/backend";
import { ChatConnection } from "../live/chat-connection";
import { CloudConnection } from "../live/cloud-connection";
import type { ChatEvent, ChatState } from "../state/chat/model";
import type { CloudState, CloudStateEvent } from "../state/cloud/model";

interface ConnectionsOptions {
  readonly backend: Backend;
  /** The user's token; without one there is no chat connection. */
  readonly token: () => string | undefined;
  /** The token for reads: undefined if reads are public. */
  readonly readToken: () => string | undefined;
  /** Whether the user may see the servers. Throws what the backend throws. */
  readonly mayFollow: () => Promise<boolean>;
  readonly chat: () => ChatState;
  readonly cloud: () => CloudState;
  readonly publishChat: (event: ChatEvent) => void;
  readonly publishCloud: (event: CloudStateEvent) => void;
  readonly isOnline?: (() => boolean) | undefined;
  readonly random?: (() => number) | undefined;
}

/** The browser's two connections, chat and cloud, open in the leading tab only; while closed, calls do nothing. */
export class Connections {
  private chatConnection: ChatConnection | undefined;
  private cloudConnection: CloudConnection | undefined;

  constructor(private readonly options: ConnectionsOptions) {}

  open(): void {
    const { mayFollow, backend, cloud, publishCloud, readToken } = this.options;
    this.cloudConnection = new CloudConnection({
      ...{ backend, mayFollow, token: readToken, state: cloud, publish: publishCloud },
      ...this.environment(),
    });
    this.cloudConnection.start();
    this.reconnectChat();
  }

  close(): void {
    for (const connection of this.openConnections()) connection.stop();
  }

  /** Reconnect to the chat as the current user. */
  reconnectChat(): void {
    const { backend, chat, publishChat, readToken } = this.options;
    const token = this.options.token();
    this.chatConnection?.stop();
    if (token === undefined) return;
    this.chatConnection = new ChatConnection({
      ...{ backend, token, readToken, state: chat, publish: publishChat },
      ...this.environment(),
    });
    this.chatConnection.start();
  }

  /** Reconnect to the cloud as the current user. */
  reconnectCloud = (): void => this.cloudConnection?.retryNow();

  retryNow(): void {
    for (const connection of this.openConnections()) connection.retryNow();
  }

  onOffline(): void {
    for (const connection of this.openConnections()) connection.onOffline();
  }

  flush = (): void => this.chatConnection?.flush();
  typing = (): void => this.chatConnection?.typing();

  /** Leave the chat. Returns whether the leave frame was sent. */
  leave = (): boolean => this.chatConnection?.leave() ?? false;

  private openConnections(): (ChatConnection | CloudConnection)[] {
    return [this.chatConnection, this.cloudConnection].filter(connection => connection !== undefined);
  }

  private environment() {
    const { isOnline, random } = this.options;
    return { ...(isOnline ? { isOnline } : {}), ...(random ? { random } : {}) };
  }
}
