import { useId, useRef, useState } from "preact/hooks";
import { ApiError } from "../../api/errors";
import { type ErrorCode, NAME_MAX } from "../../contract/generated";
import { candidatesFor } from "../../session/names";
import { isText } from "../../session/stored";
import { formatMessageTime } from "../../text/format";
import { graphemes, isBlank, lengthOf, tidyName } from "../../text/typed";
import { SignInControl } from "../access/sign-in";
import { useApp } from "../app-context";
import { NoServer } from "../connection/no-server";
import { Dialog } from "../dialog";
import { hrefs } from "../place";
import { dictionary, localStore } from "../settings/preferences";
import { StorageNotice } from "../storage-notice";

export default function JoinDialog() {
  const { store } = useApp();
  const t = dictionary.value.join;
  const [name, setName] = useState(localStore.get("lastName", isText) ?? "");
  const [problem, setProblem] = useState<ErrorCode | "unreachable">();
  // The name that the problem is about; the field may have another one by now.
  const [refused, setRefused] = useState("");
  const [free, setFree] = useState<readonly string[]>([]);
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const problemId = useId();
  const { signedOut, bannedUntil } = store.chat.value;

  const join = async (wanted: string) => {
    if (busy) return;
    setBusy(true);
    try {
      localStore.set("lastName", wanted);
      await store.register(wanted);
    } catch (error) {
      const code = error instanceof ApiError ? error.code : "unreachable";
      setProblem(code);
      setRefused(tidyName(wanted));
      setFree(code === "name_taken" ? await store.availableNames(wanted, candidatesFor(wanted)) : []);
      field.current?.focus();
    } finally {
      setBusy(false);
    }
  };

  const problemText = problem
    ? problem === "name_invalid" && lengthOf(refused) > NAME_MAX
      ? t.tooLong(lengthOf(refused), graphemes(refused).length)
      : dictionary.value.error(problem)
    : signedOut === "name_lost"
      ? t.nameLost
      : signedOut === "token_invalid"
        ? dictionary.value.error("token_invalid")
        : signedOut !== "banned"
          ? ""
          : bannedUntil
            ? dictionary.value.chat.bannedUntil(formatMessageTime(bannedUntil))
            : dictionary.value.error("banned");

  const lookOnly = (
    <a class="look-only" href={hrefs.servers}>
      {t.lookOnly}
    </a>
  );
  if (!store.access.may("register"))
    return (
      <Dialog title={dictionary.value.access.title} isEntry>
        <p class="problem" role="alert">
          {problemText}
        </p>
        <p class="no-guests">{dictionary.value.access.noGuests}</p>
        <div class="join-ways">
          <SignInControl />
          {lookOnly}
        </div>
      </Dialog>
    );
  return (
    <Dialog title={t.title} isEntry>
      <form
        class="form"
        noValidate
        onSubmit={event => {
          event.preventDefault();
          void join(name);
        }}
      >
        <input
          ref={field}
          class="join-field"
          autoFocus
          dir="auto"
          aria-label={t.label}
          aria-describedby={problemId}
          aria-invalid={problem !== undefined}
          autocomplete="nickname"
          maxLength={256}
          value={name}
          onInput={event => setName(event.currentTarget.value)}
        />
        <p id={problemId} class="problem" role="alert">
          {problemText}
        </p>
        {free.length > 0 && (
          <p class="free-names">
            {t.free}{" "}
            {free.map(one => (
              <button
                key={one}
                type="button"
                class="chip"
                onClick={() => {
                  setName(one);
                  void join(one);
                }}
              >
                <bdi>{one}</bdi>
              </button>
            ))}
          </p>
        )}
        <button type="submit" class="button primary wide" disabled={busy || isBlank(name)}>
          {t.submit}
        </button>
        <div class="join-ways">
          <SignInControl />
          {lookOnly}
        </div>
      </form>
      <NoServer />
      <StorageNotice />
    </Dialog>
  );
}
