import { CopyBox } from "../copy-box";
import { peopleDictionary } from "./people-dictionary";

/** A link to read and to copy. */
export function LinkBox({ link }: { readonly link: string }) {
  const t = peopleDictionary.value;
  return <CopyBox label={t.link} text={link} copyLabel={t.copyLink} />;
}
