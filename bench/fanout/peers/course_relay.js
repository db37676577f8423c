// What the course's chat does, in memory: an empty list for whoever comes, and each "send" to everybody as it came.
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
server.on("connection", (socket) => {
  socket.send("[]");
  socket.on("message", (data) => {
    if (JSON.parse(data).type !== "send") return;
    for (const reader of server.clients) reader.send(data, { binary: false });
  });
});
