import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const own = (path) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

/** Modules replaced by lighter ones of our own; each says there what it leaves out. */
const lighter = {
  name: 'daybook-lighter',
  enforce: 'pre',
  resolveId(source, importer) {
    if (source.endsWith('/vs/editor/edcore.main.js')) return own('editor.js');
    if (source.startsWith('prettier/') && importer?.endsWith('/utility/jsonc.js')) return own('json-format.js');
    return null;
  },
};

// Only files of the same origin, no inline script: the page is served under a strict content security policy.
export default defineConfig({
  base: '/graphiql/',
  plugins: [lighter, react()],
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    sourcemap: false,
    target: 'es2022',
    modulePreload: false,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 5000,
    rolldownOptions: { onwarn: (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning) },
  },
  worker: { format: 'es' },
});
