// Has AsyncAPI's own parser read event-schemas/asyncapi.yaml: one line per message, exit 1 on any error.
import { fileURLToPath } from 'node:url';
import { readFile } from 'node:fs/promises';
import { DiagnosticSeverity, Parser, fromFile } from '@asyncapi/parser';

const folder = new URL('../../event-schemas/', import.meta.url);
const lock = JSON.parse(await readFile(new URL('schemas/lock.json', folder), 'utf8'));
/** A message for every version of every event type: a document that shrinks must not pass unseen. */
const expected = new Set(lock.schemas.map(({ context, eventType, schemaVersion }) => `${context}.${eventType}.v${schemaVersion}`));

const { document, diagnostics } = await fromFile(new Parser(), fileURLToPath(new URL('asyncapi.yaml', folder))).parse();
const errors = diagnostics.filter(({ severity }) => severity === DiagnosticSeverity.Error);
for (const { message, path, range } of errors) {
  console.log(`FAIL  line ${range.start.line + 1} ${path.join('/')}: ${message}`);
}
let passed = 0;
let failed = errors.length;
const messages = new Map((document?.allMessages().all() ?? []).map((message) => [message.id(), message]));
for (const title of expected) {
  const message = messages.get(title);
  const payload = message?.payload()?.json();
  const named = message?.headers()?.json()?.allOf?.[1]?.properties?.ce_dataschema?.const;
  // The reference to the schema's file is followed, and both name the same schema.
  if (payload?.title === title && payload?.type === 'object' && payload?.$id === named) {
    passed += 1;
    console.log(`ok    ${title}`);
  } else {
    failed += 1;
    console.log(`FAIL  ${title}: ${message ? 'its payload is not its schema' : 'there is no such message'}`);
  }
}
if (messages.size !== expected.size) {
  failed += 1;
  console.log(`FAIL  ${messages.size} messages for ${expected.size} schemas`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
