// Stands in for prettier and its babel and estree plugins (half a megabyte) where GraphiQL formats its JSON panes:
// jsonc-parser, which GraphiQL ships anyway, can too.
import { applyEdits, format as edits } from 'jsonc-parser';

export const format = (content) =>
  applyEdits(content, edits(content, undefined, { insertSpaces: true, tabSize: 2, eol: '\n' }));
export const parsers = {};
export const printers = {};
