import { useSignal } from "@preact/signals";
import { ApiError } from "../../../api/errors";
import { LABELS_MAX } from "../../../contract/generated";
import { dictionary } from "../../settings/preferences";
import { TextField } from "../../text-field";
import { serversDictionary } from "../servers/servers-dictionary";
import { formatLabels, isServerName, type Labels, parseLabels } from "./labels";

export interface CheckedServer {
  readonly name: string;
  readonly labels: Labels;
}

/** The name and the labels of a server as a form has them, with what is wrong about them. */
export function useServerFields(initial: CheckedServer) {
  const name = useSignal(initial.name);
  const labels = useSignal(formatLabels(initial.labels));
  const nameProblem = useSignal("");
  const labelsProblem = useSignal("");
  const problem = useSignal("");

  /** What was typed, or undefined if it can't be sent. An empty name is allowed: it means none. */
  const check = (): CheckedServer | undefined => {
    const t = serversDictionary.peek().dialogs;
    const typed = name.value.trim();
    const parsed = parseLabels(labels.value);
    nameProblem.value = typed === "" || isServerName(typed) ? "" : t.nameInvalid;
    labelsProblem.value =
      "invalid" in parsed
        ? t.labelInvalid(parsed.invalid)
        : Object.keys(parsed.labels).length > LABELS_MAX
          ? t.tooManyLabels(LABELS_MAX)
          : "";
    if ("invalid" in parsed || nameProblem.value || labelsProblem.value) return undefined;
    return { name: typed, labels: parsed.labels };
  };

  /** Show why the server has refused what was sent. */
  const refuse = (error: unknown): void => {
    const refused = error instanceof ApiError ? error : undefined;
    problem.value = "";
    if (refused?.code === "name_taken" && refused.problem.field !== "Opsroom-Name")
      nameProblem.value = serversDictionary.peek().dialogs.nameTaken;
    else if (refused?.code === "invalid_request") problem.value = refused.problem.detail;
    else problem.value = dictionary.peek().error(refused?.code ?? "unreachable");
  };

  return { ...{ name, labels, nameProblem, labelsProblem, problem }, check, refuse };
}

type ServerFieldsState = ReturnType<typeof useServerFields>;

interface ServerFieldsProps {
  readonly fields: ServerFieldsState;
  readonly nameHint?: string;
}

export function ServerFields({ fields, nameHint }: ServerFieldsProps) {
  const t = serversDictionary.value.dialogs;
  const { name, labels, nameProblem, labelsProblem } = fields;
  return (
    <>
      <TextField
        label={t.name}
        {...(nameHint ? { hint: nameHint } : {})}
        value={name.value}
        problem={nameProblem.value}
        onInput={value => {
          name.value = value;
          nameProblem.value = "";
        }}
      />
      <TextField
        label={t.labels}
        hint={t.labelsHint}
        value={labels.value}
        problem={labelsProblem.value}
        onInput={value => {
          labels.value = value;
          labelsProblem.value = "";
        }}
      />
    </>
  );
}
