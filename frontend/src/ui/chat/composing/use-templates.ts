import { useEffect, useState } from "preact/hooks";
import { useApp } from "../../app-context";

const NONE: readonly string[] = [];

/** The names of templates with their providers; loaded when a command that takes one is typed for the first time. */
export function useTemplates(area: HTMLTextAreaElement): readonly string[] {
  const { backend, store } = useApp();
  const [templates, setTemplates] = useState(NONE);
  useEffect(() => {
    let isAsked = false;
    let isWanted = true;
    const onInput = () => {
      if (isAsked || !area.value.startsWith("/create")) return;
      isAsked = true;
      backend
        .servers()
        .then(api => api.templates(store.access.readToken()))
        .then(
          found => isWanted && setTemplates(found.map(one => `${one.provider}/${one.name}`)),
          // Without them, they are not completed; the next field tries again.
          () => undefined,
        );
    };
    area.addEventListener("input", onInput);
    return () => {
      isWanted = false;
      area.removeEventListener("input", onInput);
    };
  }, [area, backend, store]);
  return templates;
}
