import { useEffect, useState } from "preact/hooks";
import type { CodeToken } from "../../../text/highlight";
import { CopyButton } from "../../copy-button";
import { messageDictionary } from "./message-dictionary";

interface CodeBlockProps {
  /** As the writer named it; empty if they didn't. */
  readonly language: string;
  readonly text: string;
}

/** The code in tokens; undefined until what finds them is loaded, or if the language is unknown. */
function useTokens({ language, text }: CodeBlockProps): readonly CodeToken[] | undefined {
  const [tokens, setTokens] = useState<readonly CodeToken[]>();
  useEffect(() => {
    let isCurrent = true;
    setTokens(undefined);
    if (language)
      // Without it, code has one color.
      import(/* webpackChunkName: "highlight" */ "../../../text/highlight").then(
        ({ highlight }) => isCurrent && setTokens(highlight(text, language)),
        () => undefined,
      );
    return () => {
      isCurrent = false;
    };
  }, [language, text]);
  return tokens;
}

/** A block of code, with a button that copies it. */
export function CodeBlock(props: CodeBlockProps) {
  const { text } = props;
  const tokens = useTokens(props);
  return (
    <div class="code-block">
      <pre dir="ltr">
        <code>
          {tokens
            ? tokens.map((token, index) =>
                token.kind ? (
                  <span key={index} class={`code-${token.kind}`}>
                    {token.text}
                  </span>
                ) : (
                  token.text
                ),
              )
            : text}
        </code>
      </pre>
      <CopyButton text={() => text} label={messageDictionary.value.copyCode} class="tool">
        {null}
      </CopyButton>
    </div>
  );
}
