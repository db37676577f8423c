// Writes src/contract/generated.ts and src/contract/chat-commands.ts from the gateway's OpenAPI document and the
// contracts package. With --check, fails if a file is out of date.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { compile } from "json-schema-to-typescript";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const contractFile = name => join(here, "..", "src", "contract", name);

const API = "/api/v1";

const COMMAND_SPEC = `export interface CommandSpec {
  readonly done: EventType;
  readonly needs: readonly InstanceState[];
  readonly leaves: InstanceState | null;
  readonly route: keyof Contract["Api"];
}
`;

function readContract() {
  const python = [process.env.PYTHON, join(root, ".venv", "bin", "python"), "python3"].find(
    candidate => candidate && (candidate === "python3" || existsSync(candidate)),
  );
  const run = spawnSync(python, [join(here, "contract.py")], {
    encoding: "utf8",
    maxBuffer: 1 << 24,
  });
  return run.status === 0 ? JSON.parse(run.stdout) : { problem: run.stderr ?? String(run.error) };
}

// Fields that are None are not sent, so a nullable field becomes an optional one without null. Titles and descriptions
// are dropped: rewording a docstring must not change the generated file.
function leaveOutNulls(node) {
  if (Array.isArray(node)) return node.map(leaveOutNulls);
  if (node === null || typeof node !== "object") return node;
  const copy = Object.fromEntries(
    Object.entries(node)
      .filter(([key]) => key !== "title" && key !== "description")
      .map(([key, value]) => [key, key === "properties" ? namedNodes(value) : leaveOutNulls(value)]),
  );
  if (!node.properties) return copy;
  const optional = Object.keys(node.properties).filter(name => isNullable(node.properties[name]));
  // pydantic always sends a field that has a default, so only nullable fields may be absent.
  copy.required = Object.keys(node.properties).filter(name => !optional.includes(name));
  for (const name of optional) {
    const { anyOf, default: _none, ...rest } = copy.properties[name];
    const kinds = anyOf.filter(kind => kind.type !== "null");
    copy.properties[name] = kinds.length === 1 ? { ...rest, ...kinds[0] } : { ...rest, anyOf: kinds };
  }
  return copy;
}

const namedNodes = nodes =>
  Object.fromEntries(Object.entries(nodes).map(([name, node]) => [name, leaveOutNulls(node)]));
const isNullable = node => node.anyOf?.some(kind => kind.type === "null") ?? false;

const objectOf = properties => ({
  type: "object",
  additionalProperties: false,
  properties,
  required: Object.keys(properties),
});

// Optional parameters are marked as nullable, like optional fields of the models.
const optionalOr = ({ required, schema }) =>
  required ? schema : { anyOf: [...(schema.anyOf ?? [schema]), { type: "null" }] };

function parametersIn(place, parameters) {
  const own = parameters.filter(parameter => parameter.in === place);
  if (own.length === 0) return {};
  return { [place]: objectOf(Object.fromEntries(own.map(one => [one.name, optionalOr(one)]))) };
}

const jsonOf = content => content?.["application/json"]?.schema;

// One request: its path and query parameters, its body, and the body of a successful response.
function requestOf({ parameters = [], requestBody, responses }) {
  const success = Object.entries(responses).find(([status]) => status.startsWith("2"))?.[1];
  const body = jsonOf(requestBody?.content);
  const response = jsonOf(success?.content);
  return objectOf({
    ...parametersIn("path", parameters),
    ...parametersIn("query", parameters),
    ...(body && { body }),
    ...(response && { response }),
  });
}

function routesOf(paths) {
  const routes = Object.entries(paths)
    .filter(([path]) => path.startsWith(`${API}/`))
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [
        `${method.toUpperCase()} ${path.slice(API.length)}`,
        requestOf(operation),
      ]),
    );
  return objectOf(Object.fromEntries(routes));
}

// The models of both documents, merged. A name that occurs in both must mean the same model.
function modelsOf({ openapi, schema }) {
  const text = JSON.stringify(openapi.components.schemas).replaceAll("#/components/schemas/", "#/$defs/");
  const requested = leaveOutNulls({ $defs: JSON.parse(text) }).$defs;
  const streamed = leaveOutNulls({ $defs: schema.$defs }).$defs;
  for (const [name, model] of Object.entries(requested)) {
    if (streamed[name] && !isDeepStrictEqual(streamed[name], model))
      throw new Error(`${name} differs between the OpenAPI document and the contracts`);
  }
  return { ...streamed, ...requested };
}

async function render(contract) {
  const paths = JSON.stringify(contract.openapi.paths).replaceAll("#/components/schemas/", "#/$defs/");
  const roots = {
    Api: leaveOutNulls(routesOf(JSON.parse(paths))),
    // The frames of the socket and the events of the stream; the models they refer to follow from them.
    ...Object.fromEntries(
      [...Object.values(contract.unions).flat(), ...contract.events, "Problem"].map(name => [
        name,
        { $ref: `#/$defs/${name}` },
      ]),
    ),
  };
  const types = await compile({ $defs: modelsOf(contract), ...objectOf(roots) }, "Contract", {
    bannerComment: "",
    additionalProperties: false,
    unreachableDefinitions: false,
    ignoreMinAndMaxItems: true,
  });
  const constants = Object.entries(contract.constants).map(
    ([name, value]) => `export const ${name} = ${JSON.stringify(value)};`,
  );
  const unions = Object.entries(contract.unions).map(
    ([name, members]) => `export type ${name} =${members.map(member => `\n  | ${member}`).join("")};\n`,
  );
  const closes = Object.entries(contract.closeCodes);
  const codes = Object.fromEntries(closes.map(([name, { code }]) => [name, code]));
  const retries = Object.fromEntries(closes.map(([, { code, retry }]) => [code, retry]));
  return [
    "// Generated by `npm run contract` from the gateway's OpenAPI and packages/contracts. Don't edit.\n",
    `export const API = ${JSON.stringify(API)};`,
    constants.join("\n"),
    `/** The commands that take effect after the delay: event of completion, valid states, state after it (null: removed), route. */`,
    `export const COMMANDS = ${JSON.stringify(contract.commands, null, 2)} as const satisfies Partial<Record<Command, CommandSpec>>;`,
    `/** The commands of a server's life. */\nexport type LifecycleCommand = keyof typeof COMMANDS;`,
    `/** The event that completes each command. */\nexport const DONE: Readonly<Record<Command, EventType>> = ${JSON.stringify(contract.done, null, 2)};`,
    `/** The commands with which a server begins; if one is undone or fails, there is no server. */\nexport const CREATING: readonly Command[] = ${JSON.stringify(contract.creating)};`,
    `/** The codes with which the server closes a socket. */\nexport const CloseCode = ${JSON.stringify(codes, null, 2)} as const;`,
    `/** Whether, and when, a client reconnects after each close code. */\nexport const RETRY_BY_CLOSE_CODE: Readonly<Record<number, "never" | "now" | "later" | "register">> = ${JSON.stringify(retries, null, 2)};`,
    `/** Error codes after which the same request may succeed a little later. */\nexport const RETRYABLE: readonly ErrorCode[] = ${JSON.stringify(contract.retryable)};\n`,
    ...unions,
    COMMAND_SPEC,
    types,
  ].join("\n");
}

const CHAT_COMMAND_SPEC = `export interface ChatParameter {
  /** What it is, by which the composer completes it. */
  readonly values: ChatValues;
  /** How the help names it. */
  readonly label: string;
  readonly required: boolean;
  /** The word before it. */
  readonly keyword?: string;
}

export interface ChatCommandSpec {
  readonly name: ChatCommandName;
  readonly permission: Action;
  readonly parameters: readonly ChatParameter[];
  readonly help: string;
  readonly example: string;
  /** The page answers it, to the caller only. */
  readonly isLocal: boolean;
  /** The portal can do it; others count as unknown. */
}
`;

// The commands of the chat are in their own file, because the page loads them with the composer.
function renderChatCommands({ chatCommands, chatValues, chatConstants }) {
  const [names, values] = [chatCommands.map(one => one.name), chatValues].map(all =>
    all.map(one => `\n  | ${JSON.stringify(one)}`).join(""),
  );
  return [
    "// Generated by `npm run contract` from packages/contracts. Don't edit.\n",
    'import type { Action } from "./generated";\n',
    `export type ChatCommandName =${names};\n`,
    `export type ChatValues =${values};\n`,
    CHAT_COMMAND_SPEC,
    ...Object.entries(chatConstants).map(
      ([name, value]) => `export const ${name} = ${JSON.stringify(value)};`,
    ),
    "/** The commands of the chat, in the order of help texts. */",
    `export const CHAT_COMMANDS: readonly ChatCommandSpec[] = ${JSON.stringify(chatCommands, null, 2)};`,
    "",
  ].join("\n");
}

const contract = readContract();
if (contract.problem) {
  // The page can be developed without Python; CI, which has it, fails here.
  console.warn(
    `The gateway and the contracts could not be read, so their types were not checked.\n${contract.problem.slice(-400)}`,
  );
  process.exit(process.argv.includes("--check") && !process.env.CI ? 0 : 1);
}
const files = { "generated.ts": await render(contract), "chat-commands.ts": renderChatCommands(contract) };
for (const [name, text] of Object.entries(files)) {
  if (!process.argv.includes("--check")) writeFileSync(contractFile(name), text);
  else if (readFileSync(contractFile(name), "utf8") !== text) {
    console.error(
      `src/contract/${name} has drifted from the gateway and packages/contracts: run \`npm run contract\`.`,
    );
    process.exit(1);
  }
}
