import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Trigger, triggerAt } from "../../../text/composing/completion";
import { isComposing } from "../../composition";
import { type Candidate, candidatesFor, type Sources } from "./candidates";
import { replaceText } from "./replace-text";

interface Completion {
  readonly candidates: readonly Candidate[];
  /** The index of the candidate that Enter takes. */
  readonly chosen: number;
  readonly accept: (candidate: Candidate) => void;
}

/** What is being typed in `area` at the caret. */
function useTrigger(area: HTMLTextAreaElement) {
  const [trigger, setTrigger] = useState<Trigger>();
  useEffect(() => {
    const read = () => {
      const { value, selectionStart, selectionEnd } = area;
      const next = selectionStart === selectionEnd ? triggerAt(value, selectionStart) : undefined;
      setTrigger(now => (now?.from === next?.from && now?.query === next?.query ? now : next));
    };
    const close = () => setTrigger(undefined);
    const onKeyUp = ({ key }: KeyboardEvent) => {
      if (/^(?:Arrow(?:Left|Right)|Home|End)$/.test(key)) read();
    };
    area.addEventListener("input", read);
    area.addEventListener("click", read);
    area.addEventListener("keyup", onKeyUp);
    area.addEventListener("blur", close);
    return () => {
      area.removeEventListener("input", read);
      area.removeEventListener("click", read);
      area.removeEventListener("keyup", onKeyUp);
      area.removeEventListener("blur", close);
    };
  }, [area]);
  return [trigger, () => setTrigger(undefined)] as const;
}

/** Completes what is typed in `area`: the arrow keys choose, Enter and Tab take, Escape closes. */
export function useCompletion(area: HTMLTextAreaElement, sources: Sources): Completion {
  const [trigger, close] = useTrigger(area);
  const [chosen, setChosen] = useState(0);
  // A key may come before the one before it is rendered.
  const place = useRef(0);
  const choose = (index: number) => {
    place.current = index;
    setChosen(index);
  };
  const candidates = useMemo(() => (trigger ? candidatesFor(trigger, sources) : []), [trigger, sources]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: other candidates begin at the first
  useEffect(() => choose(0), [trigger]);

  const accept = ({ insert }: Candidate) => {
    if (!trigger) return;
    const { value, selectionEnd } = area;
    const end = trigger.from + insert.length;
    // The space that is there already is the one after it.
    const rest = value.slice(selectionEnd).replace(/^ /, "");
    replaceText(area, { text: value.slice(0, trigger.from) + insert + rest, start: end, end });
    close();
  };

  useEffect(() => {
    const count = candidates.length;
    if (count === 0) return;
    const onKeyDown = (event: KeyboardEvent) => {
      if (isComposing(event) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
      const candidate = candidates[place.current];
      const typed = trigger ? area.value.slice(trigger.from, area.selectionEnd) : "";
      const isTyped = candidate?.insert.trim().toLowerCase() === typed.toLowerCase();
      if (event.key === "ArrowDown") choose((place.current + 1) % count);
      else if (event.key === "ArrowUp") choose((place.current - 1 + count) % count);
      else if (event.key === "Escape") close();
      // What is typed in full is sent.
      else if (candidate && (event.key === "Tab" || (event.key === "Enter" && !isTyped))) accept(candidate);
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    // Before the composer gets the key.
    const form = area.form ?? area;
    form.addEventListener("keydown", onKeyDown as EventListener, true);
    return () => form.removeEventListener("keydown", onKeyDown as EventListener, true);
  });
  return { candidates, chosen, accept };
}
