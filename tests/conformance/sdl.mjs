// Holds FOLDER/schema.graphql against FOLDER/schema.reviewed.graphql, the schema that clients were promised:
//   sdl.mjs FOLDER check        fails on any difference; says which ones break clients
//   sdl.mjs FOLDER take         takes additions over into the reviewed schema; fails on what breaks clients
//   sdl.mjs FOLDER accept WHY   takes everything over and writes what breaks clients into FOLDER/breaking-changes.md
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

/** What became different: what breaks a client that was right before, and all else. */
export async function changes(reviewed, current) {
  const found = await diff(buildSchema(reviewed), buildSchema(current));
  const breaking = found.filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking);
  return { breaking: breaking.map(({ message }) => message), all: found.map(({ message }) => message) };
}

/** What a verb says, whether it fails, and what it writes. Without a reason nothing that breaks clients is accepted. */
export async function decide(verb, reviewed, current, why = '') {
  const { breaking, all } = await changes(reviewed, current);
  const listed = breaking.map((message) => `- ${message}`).join('\n');
  if (breaking.length > 0 && !(verb === 'accept' && why.trim())) {
    return {
      failed: true,
      say:
        `These changes of the GraphQL schema break clients that are right today:\n${listed}\n` +
        'Deprecate instead, add beside it, or, if it must be, have it reviewed and record it:\n' +
        '  make api-reviewed WHY="what clients have to do, and why it was worth it"',
    };
  }
  if (verb === 'check' && reviewed !== current) {
    const what = all.length > 0 ? `${all.length} additions` : 'other words';
    return {
      failed: true,
      say: `docs/api/schema.reviewed.graphql lacks ${what} of docs/api/schema.graphql: run make generated`,
    };
  }
  const record = breaking.length > 0 ? `\n## ${why.trim()}\n\n${listed}\n` : '';
  const say = record ? `accepted ${breaking.length} breaking changes` : 'no client of the GraphQL schema breaks';
  return { failed: false, say, write: verb !== 'check' && reviewed !== current, record };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, verb, why] = process.argv.slice(2);
  if (!['check', 'take', 'accept'].includes(verb)) {
    console.error('usage: sdl.mjs FOLDER check|take|accept [WHY]');
    process.exit(2);
  }
  const path = join(folder, 'schema.reviewed.graphql');
  const current = readFileSync(join(folder, 'schema.graphql'), 'utf8');
  const { failed, say, write, record } = await decide(verb, readFileSync(path, 'utf8'), current, why);
  (failed ? console.error : console.log)(say);
  if (write) writeFileSync(path, current);
  if (record) appendFileSync(join(folder, 'breaking-changes.md'), record);
  process.exit(failed ? 1 : 0);
}
