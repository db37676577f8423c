import { useApp } from "../app-context";
import { dictionary } from "../settings/preferences";
import { Composer } from "./composer";
import { JoinDialog } from "./join-dialog";
import { MessageList } from "./message-list";
import { PeopleList } from "./people-list";
import { TypingLine } from "./typing-line";

export function ChatView() {
  const { store } = useApp();
  const t = dictionary.value;
  return (
    <div class="chat">
      <h1 class="visually-hidden">{t.nav.chat}</h1>
      <PeopleList />
      <section class="card room" aria-label={t.nav.chat}>
        <MessageList />
        <TypingLine />
        <Composer key={store.chat.value.me?.name} />
      </section>
      {!store.chat.value.me && <JoinDialog />}
    </div>
  );
}
