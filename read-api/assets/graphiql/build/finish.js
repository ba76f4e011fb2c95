// After `vite build`: compresses the assets (they are served as gzip, always) and writes down the licences of all
// that may be in them.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url);
const assets = new URL('assets/', dist);
for (const name of readdirSync(assets)) {
  const file = new URL(name, assets);
  writeFileSync(new URL(`${name}.gz`, assets), gzipSync(readFileSync(file), { level: 9 }));
  rmSync(file);
}

const lock = JSON.parse(readFileSync(new URL('package-lock.json', import.meta.url), 'utf8'));
const sections = [];
for (const [path, { version, license, dev, peer, optional }] of Object.entries(lock.packages)) {
  const folder = new URL(`${path}/`, import.meta.url);
  if (!path || dev || peer || optional || !existsSync(folder)) continue;
  const texts = readdirSync(folder)
    .filter((name) => /^(licen[cs]e|notice|thirdpartynotices)/i.test(name))
    .sort()
    .map((name) => readFileSync(new URL(name, folder), 'utf8').trim());
  sections.push([`${path.replace(/.*node_modules\//, '')} ${version} (${license})`, ...texts].join('\n\n'));
}
const rule = `\n\n${'-'.repeat(80)}\n\n`;
writeFileSync(new URL('LICENSES.txt', dist), `The page at /graphiql contains these packages.${rule}${sections.join(rule)}\n`);
