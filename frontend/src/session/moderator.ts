import type { Backend, Moderation } from "../api/backend";

/** What admins ask of the server, in their own name. */
export class Moderator {
  constructor(
    private readonly backend: Backend,
    private readonly token: () => string | undefined,
  ) {}

  restrictions = () => this.backend.restrictions(this.token());
  addresses = (name: string) => this.backend.addresses(name, this.token());
  moderate = (asked: Moderation) => this.backend.moderate(asked, this.token());
}
