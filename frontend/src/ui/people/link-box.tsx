import { useId } from "preact/hooks";
import { CopyButton } from "../copy-button";
import { peopleDictionary } from "./people-dictionary";

/** A link to read and to copy. */
export function LinkBox({ link }: { readonly link: string }) {
  const t = peopleDictionary.value;
  const id = useId();
  return (
    <div class="link-box">
      <label class="visually-hidden" for={id}>
        {t.link}
      </label>
      <input id={id} readOnly value={link} dir="ltr" onFocus={event => event.currentTarget.select()} />
      <CopyButton class="button primary" text={() => link} label={t.copyLink}>
        {t.copyLink}
      </CopyButton>
    </div>
  );
}
