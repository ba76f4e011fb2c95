// Runs graphql-http's server audits against URL with KEY as the API key: one line per audit, exit 1 on any failure.
import { auditServer } from 'graphql-http';

const [url, key] = process.argv.slice(2);
if (!url || !key) {
  console.error('usage: graphql-http.mjs URL KEY');
  process.exit(2);
}

/** As many audits as the suite of the locked version has: a suite that shrinks must not pass unseen. */
const EXPECTED = 61;

const fetchFn = (input, init = {}) => {
  const headers = new Headers(init.headers);
  headers.set('authorization', `Bearer ${key}`);
  return fetch(input, { ...init, headers });
};

const results = await auditServer({ url, fetchFn }).catch((error) => {
  console.error(`cannot reach ${url}: ${error.cause?.message ?? error.message}; is the server running?`);
  process.exit(1);
});
let failed = 0;
for (const result of results) {
  if (result.status === 'ok') {
    console.log(`ok    ${result.id}  ${result.name}`);
  } else {
    failed += 1;
    console.log(`FAIL  ${result.id}  ${result.name}: ${result.reason} (answered ${result.response?.status})`);
  }
}
console.log(`${results.length - failed} passed, ${failed} failed`);
if (results.length !== EXPECTED) {
  console.error(`expected ${EXPECTED} audits, the suite ran ${results.length}`);
  failed += 1;
}
process.exit(failed === 0 ? 0 : 1);
