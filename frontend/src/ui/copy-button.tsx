import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { announce } from "./announcer";
import { copyText } from "./clipboard";
import { dictionary } from "./settings/preferences";

const CONFIRM_MS = 1_600;

interface CopyButtonProps {
  readonly text: () => string;
  readonly label: string;
  readonly class: string;
  readonly children: ComponentChildren;
}

/** A button that copies text and confirms it for a moment. */
export function CopyButton({ text, label, class: className, children }: CopyButtonProps) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), CONFIRM_MS);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    await copyText(text());
    setDone(true);
    announce(dictionary.peek().cloud.copied);
  };
  return (
    <button type="button" class={className} aria-label={label} title={label} onClick={copy}>
      {children}
      <span class={done ? "icon icon-check" : "icon icon-copy"} aria-hidden="true" />
    </button>
  );
}
