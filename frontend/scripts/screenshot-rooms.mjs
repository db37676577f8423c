// The conversation of the pictures: rooms, a thread, reactions and an image.
const MEMORY_CHART = `
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [720, 220];
  const context = canvas.getContext("2d");
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, 720, 220);
  context.strokeStyle = "#d8dadd";
  for (let y = 20; y < 220; y += 45) context.strokeRect(40, y, 660, 0.5);
  context.fillStyle = "#5f6670";
  context.font = "13px sans-serif";
  context.fillText("web-2 memory, 1 h", 44, 16);
  const points = Array.from({ length: 67 }, (_, n) => [
    40 + n * 10,
    195 - Math.min(165, 30 + n * 2.4 + 7 * Math.sin(n * 1.7)),
  ]);
  context.beginPath();
  for (const [x, y] of points) context.lineTo(x, y);
  context.strokeStyle = "#c2362b";
  context.lineWidth = 2.5;
  context.stroke();
  canvas.toDataURL("image/png");
`;

const CONVERSATION = [
  [
    "ivan",
    "Moved the nightly build to **two small servers**. The old one can go:\n```sh\ndocker compose -f nightly.yml ps\n```",
  ],
  ["olga", "Is its disk copied?"],
  ["ivan", "Yes, an hour ago. I'll keep it until tonight, just in case."],
  ["petr", "web-2 answers slowly. Anyone else?"],
];

/** Fill the portal's rooms with `people`, who have tokens; `marina` is the id of the reader. Returns what there is. */
export async function fillRooms({ request, url, background, people, marina }) {
  const post = (who, path, body) =>
    request(url, path, { token: people[who].token, method: "POST", body: JSON.stringify(body) });
  const say = (who, room, text, more = {}) => post(who, `/chat/rooms/${room}/messages`, { text, ...more });
  const react = (who, id, emoji) =>
    request(url, `/chat/rooms/general/messages/${id}/reactions/${encodeURIComponent(emoji)}`, {
      ...{ token: people[who].token, method: "PUT" },
    });

  const said = [];
  for (const [who, text] of CONVERSATION) said.push(await say(who, "general", text));
  const [build, , , slow] = said;
  for (const who of ["olga", "petr"]) await react(who, build.id, "👍");
  await react("petr", build.id, "🎉");
  await say("ivan", "general", "For me too, since half past.", { thread: slow.id });
  await say("petr", "general", "The others are fine.", { thread: slow.id });

  const chart = await background.evaluate(MEMORY_CHART);
  const uploaded = await fetch(`${url}/api/v1/chat/files?room=general&name=memory.png`, {
    method: "POST",
    headers: { Authorization: `Bearer ${people.olga.token}`, "Content-Type": "image/png" },
    body: Buffer.from(chart.slice(chart.indexOf(",") + 1), "base64"),
  });
  if (!uploaded.ok) throw new Error(await uploaded.text());
  const { id } = await uploaded.json();
  await say("olga", "general", "Its memory is full. I'll restart it: you have ten seconds to object.", {
    files: [id],
  });

  const rooms = {};
  for (const [who, name, description, isPrivate] of [
    ["olga", "deploys", "What goes out, and when", false],
    ["olga", "incidents", "What is broken, and who looks after it", false],
    ["petr", "finance", "Invoices of the providers", true],
  ]) {
    const room = await post(who, "/chat/rooms", { name, description, private: isPrivate });
    await post(who, `/chat/rooms/${room.id}/invite`, { users: [marina] });
    rooms[name] = room.id;
  }
  for (const version of ["1.4.0", "1.4.1", "1.4.2"]) await say("olga", rooms.deploys, `${version} is out`);
  await say("olga", rooms.incidents, "@marina can you look at db-2?");
  const direct = await post("ivan", "/chat/direct", { users: [marina] });
  await say("ivan", direct.id, "Lunch at one?");
  return { rooms, thread: slow.id };
}
