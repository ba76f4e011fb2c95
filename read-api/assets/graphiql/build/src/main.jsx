import './workers.js';
// The style sheets one by one: graphiql/style.css would bring half a megabyte of fonts.
import '../node_modules/@graphiql/react/dist/style.css';
import '../node_modules/@graphiql/plugin-doc-explorer/dist/style.css';
import '../node_modules/@graphiql/plugin-history/dist/style.css';
import '../node_modules/graphiql/dist/graphiql.css';
import './style.css';
import { GraphiQL } from 'graphiql';
import { useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';

const STORED_KEY = 'daybook.apiKey';
const DEFAULT_QUERY = `# Enter an API key above, then press Ctrl+Enter to run this.
{
  __schema {
    queryType {
      fields {
        name
        description
      }
    }
  }
}
`;

/** Sends operations to /graphql; an answer that is not GraphQL (401, 429 …) is shown as it came. */
function fetcherWith(apiKey) {
  return async ({ query, operationName, variables, extensions }, options) => {
    const answer = await fetch('/graphql', {
      method: 'POST',
      credentials: 'omit',
      headers: {
        ...options?.headers,
        authorization: `Bearer ${apiKey}`,
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json;q=0.9',
      },
      body: JSON.stringify({ query, operationName, variables, extensions }),
    });
    const text = await answer.text();
    try {
      return JSON.parse(text);
    } catch {
      return { status: answer.status, body: text };
    }
  };
}

function Page() {
  const [draft, setDraft] = useState('');
  const [apiKey, setApiKey] = useState(() => sessionStorage.getItem(STORED_KEY) ?? '');
  const fetcher = useMemo(() => fetcherWith(apiKey), [apiKey]);

  const use = (key) => {
    if (key) sessionStorage.setItem(STORED_KEY, key);
    else sessionStorage.removeItem(STORED_KEY);
    setDraft('');
    setApiKey(key);
  };
  const submit = (event) => {
    event.preventDefault();
    use(draft.trim());
  };

  return (
    <>
      <form className="key-bar" onSubmit={submit}>
        <strong>Daybook</strong>
        {apiKey ? (
          <>
            <span role="status">API key {apiKey.slice(0, 8)}… is sent with every operation</span>
            <button type="button" onClick={() => use('')}>Forget key</button>
          </>
        ) : (
          <>
            <label htmlFor="api-key">API key</label>
            <input
              id="api-key"
              type="password"
              autoComplete="off"
              spellCheck="false"
              placeholder="dbk_…"
              value={draft}
              onChange={(event) => setDraft(event.target.value)}
            />
            <button type="submit" disabled={!draft.trim()}>Use key</button>
            <span role="status">kept in this tab only, until it is closed</span>
          </>
        )}
      </form>
      {/* Another key may see another schema: start over. Without a key there is nothing to introspect. */}
      <GraphiQL
        key={apiKey}
        fetcher={fetcher}
        schema={apiKey ? undefined : null}
        defaultQuery={DEFAULT_QUERY}
        defaultEditorToolsVisibility="variables"
        shouldPersistHeaders={false}
      />
    </>
  );
}

createRoot(document.getElementById('root')).render(<Page />);
