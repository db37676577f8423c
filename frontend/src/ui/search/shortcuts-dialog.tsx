import { Dialog } from "../dialog";
import { dictionary } from "../settings/preferences";
import { searchDictionary } from "./search-dictionary";

/** The keys of each row: those of one combination, or several that are pressed one after another. */
const ROWS = [
  ["search", ["Ctrl K"]],
  ["chat", ["G", "C"]],
  ["servers", ["G", "S"]],
  ["activity", ["G", "A"]],
  ["rows", ["↓ ↑", "J K"]],
  ["controls", ["→ ←"]],
  ["details", ["Enter"]],
  ["menu", ["M"]],
  ["select", ["X"]],
  ["send", ["Enter"]],
  ["line", ["Shift Enter"]],
  ["bold", ["Ctrl B"]],
  ["italic", ["Ctrl I"]],
  ["code", ["Ctrl E"]],
  ["edit", ["↑"]],
  ["messages", ["Shift Tab"]],
  ["actions", ["Enter"]],
  ["escape", ["Esc"]],
  ["shortcuts", ["?"]],
] as const;

/** The list of the keys that the page knows. */
export default function ShortcutsDialog({ onClose }: { readonly onClose: () => void }) {
  const t = searchDictionary.value;
  return (
    <Dialog title={dictionary.value.shortcuts.title} onClose={onClose}>
      <dl class="keys">
        {ROWS.map(([name, keys]) => (
          <>
            <dt key={name}>
              {keys.map((key, index) => (
                <>
                  {index > 0 && ` ${name === "rows" ? t.orKey : t.thenKey} `}
                  <kbd key={key}>{key}</kbd>
                </>
              ))}
            </dt>
            <dd>{t.keys[name]}</dd>
          </>
        ))}
      </dl>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          {t.close}
        </button>
      </div>
    </Dialog>
  );
}
