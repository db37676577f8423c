import type { ShownRow } from "../../../state/chat/message-changes";
import { OperationCard } from "./operation-card";
import { OutsideCard } from "./outside-card";
import { ServersCard } from "./servers-card";

/** The card of a message. Its kinds may be more than this page knows. */
export default function MessageCard({ message }: { readonly message: ShownRow }) {
  const { card } = message;
  if (!card) return null;
  switch (card.kind) {
    case "operation":
      return <OperationCard message={message} card={card} />;
    case "servers":
      return <ServersCard message={message} card={card} />;
    default:
      return <OutsideCard message={message} card={card} />;
  }
}
