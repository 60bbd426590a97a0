/** The page, as `build.ts` writes it into `dist/page.js`. */

/** The whole page: HTML with its style and its program in it. */
export declare const html: string
/** Its content security policy: only this style and this program, and nothing from any other place. */
export declare const policy: string
