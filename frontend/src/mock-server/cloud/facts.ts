import type { Instance } from "../../contract/generated";

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const IS_UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The name of a server that was given none. */
export const defaultName = (id: string): string =>
  NAME.test(id) && !IS_UUID.test(id) ? id : `server-${id.replace(/[^A-Za-z0-9]/g, "").slice(0, 8)}`;

/** A server that is about to be created. */
export const newServer = (
  id: string,
  name: string,
  at: Date,
  facts: Pick<Instance, "provider" | "labels"> & Partial<Instance>,
): Instance => ({
  ...{ id, name, state: "stopped", timestamp: at.toISOString(), protected: false, condition: "ok" },
  ...facts,
});

/** A server without its pending operation. */
export const settled = ({ pending: _pending, ...instance }: Instance): Instance => instance;

/** Labels after a change: null removes one. */
export const withLabels = (
  labels: Instance["labels"],
  changes: Readonly<Record<string, string | null>>,
): Instance["labels"] =>
  Object.fromEntries(
    Object.entries({ ...labels, ...changes }).flatMap(([key, value]) =>
      value === null ? [] : [[key, value]],
    ),
  );
