import { words } from "../preferences";
import { useLive } from "../session-context";
import { Composer } from "./composer";
import { JoinDialog } from "./join-dialog";
import { MessageList } from "./message-list";
import { PeopleList } from "./people-list";
import { TypingLine } from "./typing-line";

export function ChatView() {
  const { session } = useLive();
  const t = words.value;
  return (
    <div class="chat">
      <h1 class="visually-hidden">{t.nav.chat}</h1>
      <PeopleList />
      <section class="card room" aria-label={t.nav.chat}>
        <MessageList />
        <TypingLine />
        <Composer />
      </section>
      {!session.chat.value.me && <JoinDialog />}
    </div>
  );
}
