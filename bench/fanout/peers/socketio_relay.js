// A relay on Socket.IO, WebSocket only: a "publish" event goes to every other socket as a "message" event.
const { Server } = require("socket.io");
const http = require("http");

const listener = http.createServer();
const server = new Server(listener, { transports: ["websocket"], pingInterval: 300_000 });
server.on("connection", (socket) => {
  socket.on("publish", (text) => socket.broadcast.emit("message", text));
});
listener.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
