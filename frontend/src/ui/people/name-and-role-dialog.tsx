import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { ApiError } from "../../api/errors";
import type { ErrorCode, Role } from "../../contract/generated";
import { isBlank } from "../../text/typed";
import { FormDialog } from "../form-dialog";
import { dictionary } from "../settings/preferences";
import { peopleDictionary } from "./people-dictionary";

/** All roles, each with the permissions of those before it. */
export const ROLES: readonly Role[] = ["member", "viewer", "operator", "admin"];

export interface NameAndRole {
  readonly name: string;
  readonly role: Role;
}

interface NameAndRoleDialogProps {
  readonly title: string;
  /** What the name means. */
  readonly hint: string;
  readonly confirm: string;
  readonly roles: readonly Role[];
  readonly initialRole: Role;
  /** Further fields. */
  readonly children?: ComponentChildren;
  /** Called once at a time; if it fails, the dialog shows why. */
  readonly make: (chosen: NameAndRole) => Promise<void>;
  readonly onClose: () => void;
}

/** Asks for the name and the role of somebody who is new: a person or a bot. */
export function NameAndRoleDialog(props: NameAndRoleDialogProps) {
  const { title, hint, confirm, roles, initialRole, children, make, onClose } = props;
  const t = peopleDictionary.value;
  const [name, setName] = useState("");
  const [role, setRole] = useState(initialRole);
  const [problem, setProblem] = useState<ErrorCode | "unreachable">();
  const [isBusy, setIsBusy] = useState(false);
  const hintId = useId();

  const submit = async () => {
    setIsBusy(true);
    setProblem(undefined);
    try {
      await make({ name, role });
    } catch (error) {
      setProblem(error instanceof ApiError ? error.code : "unreachable");
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <FormDialog
      title={title}
      confirm={confirm}
      isBusy={isBusy || isBlank(name)}
      problem={problem ? dictionary.value.error(problem) : ""}
      onSubmit={() => void submit()}
      onClose={onClose}
    >
      <label class="field">
        <span>{t.nickname}</span>
        <input
          dir="auto"
          autocomplete="off"
          maxLength={256}
          value={name}
          aria-describedby={hintId}
          aria-invalid={problem === "name_invalid" || problem === "name_taken"}
          onInput={event => setName(event.currentTarget.value)}
        />
      </label>
      <p id={hintId} class="hint">
        {hint}
      </p>
      <label class="field">
        <span>{t.role}</span>
        <select value={role} onChange={event => setRole(event.currentTarget.value as Role)}>
          {roles.map(one => (
            <option key={one} value={one}>
              {t.roles[one]}
            </option>
          ))}
        </select>
      </label>
      {children}
    </FormDialog>
  );
}
