// An HTTPS server that wants a certificate of its caller and tells whose it was. It is given the
// folder of the certificates and prints its port.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';

const read = (name) => readFileSync(join(process.argv[2], name));
const server = createServer(
  { key: read('server.key'), cert: read('server.pem'), ca: read('ca.pem'), requestCert: true, rejectUnauthorized: false },
  (request, response) => {
    const name = request.socket.authorized ? request.socket.getPeerCertificate().subject.CN : '';
    const body = JSON.stringify({ rows: [{ id: name }] });
    response.writeHead(name ? 200 : 403, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  },
);
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
