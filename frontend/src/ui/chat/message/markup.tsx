import { useMemo } from "preact/hooks";
import { parseMarkdown } from "../../../text/markdown/blocks";
import { type Block, type Inline, type Link, Work } from "../../../text/markdown/nodes";
import { comparable, sameName } from "../../../text/typed";
import { useApp } from "../../app-context";
import { CodeBlock } from "./code-block";
import type { MarkupProps } from "./markup-loader";
import { Shortcode } from "./shortcode";
import { WithServers } from "./with-servers";

/** The names that mean everybody in the room, or everybody who is here. */
const EVERYBODY: readonly string[] = ["room", "all", "everybody", "here"];

function Mention({ name }: { readonly name: string }) {
  const me = useApp().store.chat.value.me?.name;
  const isOwn = sameName(name, me) || EVERYBODY.includes(name.toLowerCase());
  return <span class={isOwn ? "mention own" : "mention"}>@{name}</span>;
}

/** A link. One that leads to a place of this page goes there; others open in a new tab and learn nothing of this one. */
function TextLink({ href, children }: Link) {
  const here = location.href.replace(/#.*/, "");
  if (href.startsWith(`${here}#/`))
    return (
      <a href={href.slice(here.length)} title={href}>
        <Parts nodes={children} isLink />
      </a>
    );
  return (
    <a href={href} title={href} target="_blank" rel="noopener noreferrer nofollow ugc">
      <Parts nodes={children} isLink />
    </a>
  );
}

interface PartsProps {
  readonly nodes: readonly Inline[];
  /** Whether they are the text of a link, which has no other link in it. */
  readonly isLink?: boolean;
}

function Part({ node, isLink = false }: { readonly node: Inline; readonly isLink?: boolean }) {
  if (typeof node === "string") return isLink ? node : <WithServers text={node} />;
  switch (node.type) {
    case "code":
      return <code>{node.text}</code>;
    case "link":
      return <TextLink {...node} />;
    case "mention":
      return <Mention name={node.name} />;
    case "shortcode":
      return <Shortcode name={node.name} />;
    case "strong":
    case "em":
    case "del": {
      const Tag = node.type;
      return (
        <Tag>
          <Parts nodes={node.children} isLink={isLink} />
        </Tag>
      );
    }
    default:
      return node satisfies never;
  }
}

const Parts = ({ nodes, isLink = false }: PartsProps) => (
  <>
    {nodes.map((node, index) => (
      <Part key={index} node={node} isLink={isLink} />
    ))}
  </>
);

function BlockView({ block }: { readonly block: Block }) {
  switch (block.type) {
    case "paragraph":
      return (
        <p>
          <Parts nodes={block.children} />
        </p>
      );
    case "fence":
      return <CodeBlock language={block.language} text={block.text} />;
    case "quote":
      return (
        <blockquote>
          <Blocks blocks={block.children} />
        </blockquote>
      );
    case "list": {
      const Tag = block.isOrdered ? "ol" : "ul";
      return (
        <Tag>
          {block.items.map(({ value, children }, index) => (
            <li key={index} {...(value === undefined ? {} : { value })}>
              <Blocks blocks={children} />
            </li>
          ))}
        </Tag>
      );
    }
    default:
      return block satisfies never;
  }
}

const Blocks = ({ blocks }: { readonly blocks: readonly Block[] }) => (
  <>
    {blocks.map((block, index) => (
      <BlockView key={index} block={block} />
    ))}
  </>
);

const NO_NAMES: ReadonlySet<string> = new Set();

/** The names of several words that people who are here have; for a text that mentions nobody, none. */
function useLongNames(text: string): ReadonlySet<string> {
  const { store } = useApp();
  const hasMention = text.includes("@");
  const { users, me } = hasMention ? store.chat.value : { users: undefined, me: undefined };
  return useMemo(() => {
    const names = [...(users ?? []), ...(me ? [me] : [])]
      .map(user => user.name)
      .filter(name => name.includes(" "));
    return names.length > 0 ? new Set(names.map(comparable)) : NO_NAMES;
  }, [users, me]);
}

/** The text of a message with its markup. */
export function Markup({ text }: MarkupProps) {
  const names = useLongNames(text);
  const blocks = useMemo(
    () => parseMarkdown(text, new Work(), name => names.has(comparable(name))),
    [text, names],
  );
  return <Blocks blocks={blocks} />;
}
