import { initials } from "../../text/format";
import { colorOf } from "../../text/palette";

/** The initials of a name, on the color of that name. */
export const Avatar = ({ user: { name } }: { readonly user: { readonly name: string } }) => (
  <span class="avatar" aria-hidden="true" style={{ "--tint": colorOf(name) }}>
    {initials(name)}
  </span>
);
