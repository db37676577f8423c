import { useState } from "preact/hooks";
import type { Bot } from "../../contract/generated";
import { unmarked } from "../../i18n/isolate";
import { Dialog } from "../dialog";
import { Sentence } from "../sentence";
import { dictionary } from "../settings/preferences";
import { BotDialog } from "./bot-dialog";
import { peopleDictionary } from "./people-dictionary";
import { useBots } from "./use-bots";

function RemoveButton({ bot, onRemove }: { readonly bot: Bot; readonly onRemove: (bot: Bot) => void }) {
  const t = peopleDictionary.value;
  const [isAsking, setIsAsking] = useState(false);
  const close = () => setIsAsking(false);
  return (
    <>
      <button
        type="button"
        class="button small"
        aria-label={unmarked(t.removeBotOf(bot.name))}
        onClick={() => setIsAsking(true)}
      >
        {t.removeBot}
      </button>
      {isAsking && (
        <Dialog title={t.removeBotOf(bot.name)} onClose={close}>
          <p>{t.removeBotHint}</p>
          <div class="dialog-actions">
            <button type="button" class="button quiet" onClick={close}>
              {dictionary.value.cancel}
            </button>
            <button
              type="button"
              class="button danger solid"
              onClick={() => {
                close();
                onRemove(bot);
              }}
            >
              {t.removeBot}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

/** The bots that the user answers for, or for an admin all; nothing for users who can't have any. */
export function BotsPart({ showsOwner = false }: { readonly showsOwner?: boolean }) {
  const t = peopleDictionary.value;
  const { bots, problem, reload, remove } = useBots();
  const [isMaking, setIsMaking] = useState(false);
  if (!bots && !problem) return null;
  return (
    <section class="people-invitations" aria-label={t.bots}>
      <header class="people-part-head">
        <h2>{t.bots}</h2>
        <button type="button" class="button small" onClick={() => setIsMaking(true)}>
          {t.newBot}
        </button>
      </header>
      {problem && (
        <p class="problem" role="alert">
          {dictionary.value.error(problem)}{" "}
          <button type="button" class="link-button" onClick={reload}>
            {t.again}
          </button>
        </p>
      )}
      {bots?.length === 0 && <p class="hint">{t.noBots}</p>}
      <ul>
        {bots?.map(bot => (
          <li key={bot.id}>
            <strong>
              <bdi>{bot.name}</bdi>
            </strong>
            <span>{bot.role ? t.roles[bot.role] : t.noRole}</span>
            <span class="hint">
              {showsOwner && (bot.owner ? <Sentence text={t.ownedBy(bot.owner)} /> : t.ownerGone)}
              {bot.present && `${showsOwner ? ", " : ""}${t.connected}`}
            </span>
            <RemoveButton bot={bot} onRemove={remove} />
          </li>
        ))}
      </ul>
      {isMaking && <BotDialog onMade={reload} onClose={() => setIsMaking(false)} />}
    </section>
  );
}
