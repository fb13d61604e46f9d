// A certified authorisation server with an API behind it, for tests. It is given the folder of the
// package `oidc-provider` and prints its address as one line of JSON.
//
// /control/... steers it: what it counts, fails at, loses, revokes, and the part of the browser.
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const packages = process.argv[2];
const load = (path) => import(pathToFileURL(join(packages, path)));
console.warn = console.info = console.log = () => {};
const { default: Provider } = await load('oidc-provider/lib/index.js');
const jose = await load('jose/dist/webapi/index.js');

const server = createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const origin = `http://127.0.0.1:${server.address().port}`;

const pair = await jose.generateKeyPair('RS256', { extractable: true });
const curve = await jose.generateKeyPair('ES256', { extractable: true });
const open = async (key, kid, alg) => ({ ...(await jose.exportJWK(key)), kid, alg, use: 'sig' });
const jwks = { keys: [await open(pair.publicKey, 'rsa', 'RS256'), await open(curve.publicKey, 'ec', 'ES256')] };
const secret = 'client-s3cret-canary-+/=&x-0123456789abcdef';
const machine = (client_id, token_endpoint_auth_method, more = {}) => ({
  client_id, token_endpoint_auth_method, grant_types: ['client_credentials', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
  redirect_uris: [], response_types: [], scope: 'api', ...more,
});
const person = (client_id, more) => ({
  client_id, grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
  redirect_uris: ['http://127.0.0.1/callback'], application_type: 'native', scope: 'openid offline_access', ...more,
});

const state = { requests: 0, down: false, lose: false, accepted: new Set(), given: [] };
const provider = new Provider(origin, {
  clients: [
    machine('post', 'client_secret_post', { client_secret: secret }),
    machine('basic', 'client_secret_basic', { client_secret: secret }),
    machine('shared', 'client_secret_jwt', { client_secret: secret, token_endpoint_auth_signing_alg: 'HS256' }),
    machine('rsa', 'private_key_jwt', { jwks, token_endpoint_auth_signing_alg: 'RS256' }),
    machine('ec', 'private_key_jwt', { jwks, token_endpoint_auth_signing_alg: 'ES256' }),
    person('app', { token_endpoint_auth_method: 'none' }),
    person('site', { token_endpoint_auth_method: 'client_secret_post', client_secret: secret }),
  ],
  clientAuthMethods: ['none', 'client_secret_post', 'client_secret_basic', 'client_secret_jwt', 'private_key_jwt'],
  enabledJWA: { clientAuthSigningAlgValues: ['HS256', 'RS256', 'ES256'] },
  scopes: ['openid', 'offline_access', 'api'],
  features: {
    devInteractions: { enabled: false }, clientCredentials: { enabled: true }, revocation: { enabled: true },
    introspection: { enabled: false },
  },
  // SumTotal wants it off; the public client needs it.
  pkce: { required: (ctx, client) => client.clientId === 'app' },
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  ttl: { AccessToken: 3600, ClientCredentials: 3600, RefreshToken: 86400, Interaction: 600, Session: 600, Grant: 86400 },
  findAccount: async (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  interactions: { url: (ctx, interaction) => `/control/agree/${interaction.uid}` },
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope('openid offline_access');
    await grant.save();
    return grant;
  },
});
provider.registerGrantType('urn:ietf:params:oauth:grant-type:jwt-bearer', async (ctx) => {
  const { payload } = await jose.jwtVerify(ctx.oidc.params.assertion, pair.publicKey, { audience: `${origin}/token` })
    .catch(() => ctx.throw(400, 'invalid_grant', { error: 'invalid_grant' }));
  const token = new provider.ClientCredentials({ client: ctx.oidc.client, scope: 'api', extra: { sub: payload.sub } });
  const value = await token.save();
  state.accepted.add(value);
  ctx.body = { access_token: value, expires_in: token.expiration, token_type: 'Bearer', scope: 'api' };
}, ['assertion', 'scope']);

provider.on('server_error', (ctx, error) => process.stderr.write(`${error.stack}\n`));
const revoked = [];
const inner = provider.callback();
const json = (response, status, body, headers = {}) => {
  const text = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': text.length, ...headers });
  response.end(text);
};

// Walks through the pages of the server as a browser does, up to the address that is not its own.
async function browse(url) {
  const cookies = new Map();
  for (let n = 0; n < 20; n += 1) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie } });
    for (const set of answer.headers.getSetCookie()) {
      const [name, value] = set.split(';')[0].split(/=(.*)/s);
      if (value) cookies.set(name, value);
      else cookies.delete(name);
    }
    const location = answer.headers.get('location');
    if (!location) return { status: answer.status, page: await answer.text() };
    url = new URL(location, url).href;
    if (!url.startsWith(origin)) return { location: url };
  }
  return { status: 508, url };
}

async function control(request, response, url) {
  const [, , what, detail] = url.pathname.split('/');
  if (what === 'agree') {
    return provider.interactionFinished(request, response, { login: { accountId: 'kim' }, consent: {} });
  }
  if (what === 'browse') return json(response, 200, await browse(url.searchParams.get('url')));
  if (what === 'counts') return json(response, 200, { requests: state.requests, revoked: revoked.length });
  if (what === 'given') return json(response, 200, state.given);
  if (what === 'expire') state.accepted.clear();
  if (what === 'down') state.down = detail === 'on';
  if (what === 'lose') state.lose = true;
  if (what === 'keys') {
    return json(response, 200, { rsa: await jose.exportPKCS8(pair.privateKey), ec: await jose.exportPKCS8(curve.privateKey) });
  }
  return json(response, 200, {});
}

// What the provider answers is looked at on its way out: which tokens it gave, and whether to lose it.
function watched(response) {
  const chunks = [];
  const { write, end } = response;
  response.write = (chunk, ...rest) => { chunks.push(Buffer.from(chunk)); return write.call(response, chunk, ...rest); };
  response.end = (chunk, ...rest) => {
    if (chunk && typeof chunk !== 'function') chunks.push(Buffer.from(chunk));
    try {
      const answer = JSON.parse(Buffer.concat(chunks).toString());
      if (answer.access_token) state.accepted.add(answer.access_token);
      state.given.push(...[answer.access_token, answer.refresh_token].filter(Boolean));
    } catch { /* no token */ }
    if (state.lose) { state.lose = false; return response.socket.destroy(); }
    return end.call(response, chunk, ...rest);
  };
}

server.on('request', (request, response) => {
  const url = new URL(request.url, origin);
  if (url.pathname.startsWith('/control/')) {
    control(request, response, url).catch((error) => json(response, 500, { error: String(error) }));
    return;
  }
  if (url.pathname.startsWith('/api/')) {
    const token = (request.headers.authorization ?? '').replace('Bearer ', '');
    // Some systems repeat in an error what they were sent.
    if (!state.accepted.has(token)) json(response, 401, { message: `no such token: ${token}` });
    else json(response, 200, { result: [{ id: '1' }], token });
    return;
  }
  if (url.pathname === '/token') {
    state.requests += 1;
    if (state.down) { json(response, 503, { error: 'temporarily_unavailable' }, { 'retry-after': '0' }); return; }
    watched(response);
  }
  if (url.pathname.startsWith('/token/revocation')) revoked.push(1);
  inner(request, response);
});
process.stdout.write(`${JSON.stringify({ origin, secret })}\n`);
