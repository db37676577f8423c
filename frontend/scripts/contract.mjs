// Writes src/contract/generated.ts from the gateway's OpenAPI and the contracts, or, with --check, fails where it
// has drifted.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { compile } from "json-schema-to-typescript";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const target = join(here, "..", "src", "contract", "generated.ts");

const API = "/api/v1";

// What goes over the socket and the event stream; each brings the models it is made of.
const STREAMED = [
  ...["HelloFrame", "SendFrame", "TypingFrame", "LeaveFrame"],
  ...[
    "WelcomeFrame",
    "MessageFrame",
    "RemovedFrame",
    "MutedFrame",
    "UnmutedFrame",
    "JoinedFrame",
    "LeftFrame",
    "TypingNotice",
    "AckFrame",
    "ErrorFrame",
    "ResetFrame",
  ],
  ...["CloudEvent", "ResetEvent"],
];

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

// The wire leaves out what is None, so a nullable field is an optional one without null. Words are left
// out too: a docstring put better is no drift.
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
  // A field with a default is always sent by pydantic, so only nullable ones may be absent.
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

// What may be left out of a request is written as nullable, as in the models.
const optionalOr = ({ required, schema }) =>
  required ? schema : { anyOf: [...(schema.anyOf ?? [schema]), { type: "null" }] };

function parametersIn(place, parameters) {
  const own = parameters.filter(parameter => parameter.in === place);
  if (own.length === 0) return {};
  return { [place]: objectOf(Object.fromEntries(own.map(one => [one.name, optionalOr(one)]))) };
}

const jsonOf = content => content?.["application/json"]?.schema;

// One request: what stands in its path and query, its body, and what is answered when it is granted.
function requestOf({ parameters = [], requestBody, responses }) {
  const granted = Object.entries(responses).find(([status]) => status.startsWith("2"))?.[1];
  const body = jsonOf(requestBody?.content);
  const answer = jsonOf(granted?.content);
  return objectOf({
    ...parametersIn("path", parameters),
    ...parametersIn("query", parameters),
    ...(body && { body }),
    ...(answer && { answer }),
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

// The models of both documents under one name each; the same name must mean the same.
function modelsOf({ openapi, schema }) {
  const text = JSON.stringify(openapi.components.schemas).replaceAll("#/components/schemas/", "#/$defs/");
  const asked = leaveOutNulls({ $defs: JSON.parse(text) }).$defs;
  const streamed = leaveOutNulls({ $defs: schema.$defs }).$defs;
  for (const [name, model] of Object.entries(asked)) {
    if (streamed[name] && !isDeepStrictEqual(streamed[name], model))
      throw new Error(`${name} is one thing in the OpenAPI and another in the contracts`);
  }
  return { ...streamed, ...asked };
}

async function render(contract) {
  const paths = JSON.stringify(contract.openapi.paths).replaceAll("#/components/schemas/", "#/$defs/");
  const roots = {
    Api: leaveOutNulls(routesOf(JSON.parse(paths))),
    ...Object.fromEntries([...STREAMED, "Problem"].map(name => [name, { $ref: `#/$defs/${name}` }])),
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
  return [
    "// Generated by `npm run contract` from the gateway's OpenAPI and packages/contracts. Don't edit.\n",
    `export const API = ${JSON.stringify(API)};`,
    constants.join("\n"),
    `/** What each close code of the socket asks of the client. */\nexport const RETRY_BY_CLOSE_CODE: Readonly<Record<number, "never" | "now" | "later" | "register">> = ${JSON.stringify(contract.closeCodes, null, 2)};`,
    `/** Error codes after which the same request may succeed a little later. */\nexport const RETRYABLE: readonly ErrorCode[] = ${JSON.stringify(contract.retryable)};\n`,
    types,
  ].join("\n");
}

const contract = readContract();
if (contract.problem) {
  // The page can be worked on without Python; the check that counts runs where the whole project is tested.
  console.warn(
    `The gateway and the contracts could not be read, so their types were not checked.\n${contract.problem.slice(-400)}`,
  );
  process.exit(process.argv.includes("--check") && !process.env.CI ? 0 : 1);
}
const text = await render(contract);
if (!process.argv.includes("--check")) writeFileSync(target, text);
else if (readFileSync(target, "utf8") !== text) {
  console.error(
    "src/contract/generated.ts has drifted from the gateway and packages/contracts: run `npm run contract`.",
  );
  process.exit(1);
}
