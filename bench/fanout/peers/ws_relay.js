// A relay on `ws`, as most Node servers are written: what comes on /publish goes to every other socket.
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
server.on("connection", (socket, request) => {
  if (request.url !== "/publish") return;
  socket.on("message", (data) => {
    for (const reader of server.clients) {
      if (reader !== socket) reader.send(data, { binary: false });
    }
  });
});
