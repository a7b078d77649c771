/** What the metadata thread can be asked. */
export interface Statement {
  readonly sql: string
  /** Text, numbers, bytes or null. */
  readonly parameters: readonly unknown[]
}

export interface StatementResult {
  /** Typed by who asks, as the query was: `never` fits any row. */
  readonly rows: never[]
  /** Rows that the statement inserted, updated or deleted. */
  readonly changes: number
}

export type MetadataCalls = {
  open(): void
  /** @throws {MillraceError} `metadata.unavailable` with SQLite's own message. */
  run(statement: Statement): StatementResult
  /** Ends the transaction if there is one; some errors have ended it already. */
  rollback(): void
  close(): void
}
