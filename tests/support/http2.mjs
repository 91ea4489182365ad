// HTTP/2 over TLS before a server of HTTP/1.1, as the CDN stands before its origins.
// node http2.mjs <certificate with key, PEM> <port of the server>; prints its own port.
import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";

const [, , file, port] = process.argv;
const pem = fs.readFileSync(file);
const OWN = ["connection", "keep-alive", "transfer-encoding"];

const server = http2.createSecureServer({ key: pem, cert: pem }, (request, response) => {
  const named = Object.entries(request.headers).filter(([name]) => !name.startsWith(":"));
  const headers = { ...Object.fromEntries(named), host: request.headers[":authority"] };
  const asked = http.request({ port, method: request.method, path: request.url, headers }, (answer) => {
    const told = Object.entries(answer.headers).filter(([name]) => !OWN.includes(name));
    response.writeHead(answer.statusCode, Object.fromEntries(told));
    answer.pipe(response);
  });
  request.pipe(asked);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
