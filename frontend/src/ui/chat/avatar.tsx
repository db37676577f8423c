import type { User } from "../../contract/generated";
import { hueOf, initials } from "../../text/format";

export const Avatar = ({ user }: { readonly user: User }) => (
  <span class="avatar" aria-hidden="true" style={{ "--hue": hueOf(user.id) }}>
    {initials(user.name)}
  </span>
);
