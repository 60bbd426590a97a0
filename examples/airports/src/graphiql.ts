/**
 * GraphiQL, with all that it needs in one page, so that it works without the internet; on a phone too.
 * @module
 */

import type { GraphiQLOptions } from 'graphql-yoga'

/**
 * The sides of GraphiQL are beside each other, however narrow the screen is: here the answer is below the query, whose
 * lines go on below the button. And a tab that is pressed must not move from under the pointer, as it would: the click
 * would miss it.
 */
const additions = `
  <meta name="viewport" content="width=device-width, initial-scale=1" />
  <style>
    .graphiql-container .graphiql-tab { transform: none !important; }
    @media (max-width: 700px) {
      .graphiql-container :is(.graphiql-sidebar, .graphiql-logo, .graphiql-horizontal-drag-bar) { display: none; }
      .graphiql-container .graphiql-toolbar > :not(.graphiql-execute-button) { display: none; }
      .graphiql-container .graphiql-query-editor { position: relative; padding-right: 4px; }
      .graphiql-container .graphiql-toolbar { position: absolute; right: 12px; bottom: 12px; width: auto; }
      .graphiql-container .graphiql-sessions { margin: 0; border-radius: 0; }
      .graphiql-container :has(> .graphiql-editors) { flex-direction: column; padding-bottom: 12px; }
      .graphiql-container .graphiql-editors { flex: 2 1 0 !important; }
      .graphiql-container .graphiql-response { flex: 3 1 0 !important; }
    }
  </style>
`

/** The page is large, so it is loaded when it is asked for. */
export async function graphiqlPage(options?: GraphiQLOptions): Promise<string> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  return renderGraphiQL(options).replace('</head>', () => `${additions}</head>`)
}
