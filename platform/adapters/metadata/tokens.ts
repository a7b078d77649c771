import type { Kysely } from 'kysely'
import { isTokenScope } from '../../../schemas/tokens.ts'
import type { Token, TokenStore } from '../../ports/metadata.ts'
import { assertScope } from '../../ports/tenant-scope.ts'
import { MillraceError } from '../../runtime/errors.ts'
import type { Fences } from './guard.ts'
import type { Tables, TokenTable } from './tables.ts'
import { assertTenant } from './tenants.ts'

/** The hash is looked up, and leaves the store never. */
const COLUMNS = ['id', 'tenant', 'scopes', 'label', 'created_ms', 'expires_ms', 'revoked_ms'] as const

export function createTokenStore(db: Kysely<Tables>, { guard, within }: Fences): TokenStore {
  return {
    addToken: (token, secretHash) => guard(() => addToken(db, token, secretHash)),

    async tokens(scope) {
      assertScope(scope)
      return guard(() =>
        within(scope, async (fenced) => {
          const ofTenant = fenced.selectFrom('token').select(COLUMNS).where('tenant', '=', scope.tenant)
          return (await ofTenant.orderBy('created_ms').orderBy('id').execute()).map(toToken)
        }),
      )
    },

    tokenByHash: (secretHash) =>
      guard(async () => {
        const row = await db.selectFrom('token').select(COLUMNS).where('secret_hash', '=', secretHash).executeTakeFirst()
        return row && toToken(row)
      }),

    revokeToken: (id, revokedMs) =>
      guard(async () => {
        const { numUpdatedRows } = await db
          .updateTable('token')
          // Revoking twice is harmless: the first time stands.
          .set((update) => ({ revoked_ms: update.fn.coalesce('revoked_ms', update.val(revokedMs)) }))
          .where('id', '=', id)
          .executeTakeFirstOrThrow()
        if (numUpdatedRows !== 0n) return
        throw new MillraceError('token.unknown', `There is no token ${id}. See npx millrace tokens list.`, {
          details: { token: id },
        })
      }),
  }
}

async function addToken(db: Kysely<Tables>, token: Token, secretHash: string): Promise<void> {
  const isNew = await db.transaction().execute(async (transaction) => {
    await assertTenant(transaction, token.tenant)
    const { numInsertedOrUpdatedRows } = await transaction
      .insertInto('token')
      .values({
        id: token.id,
        tenant: token.tenant,
        secret_hash: secretHash,
        scopes: token.scopes.join(' '),
        label: token.label,
        created_ms: token.createdMs,
        expires_ms: token.expiresMs,
        revoked_ms: token.revokedMs ?? null,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow()
    return numInsertedOrUpdatedRows !== 0n
  })
  if (isNew) return
  throw new MillraceError('data.invalid', 'There is a token with this id or secret already. Make another one.', {
    details: { token: token.id },
  })
}

function toToken(row: Omit<TokenTable, 'secret_hash'>): Token {
  return {
    id: row.id,
    tenant: row.tenant,
    // A scope that this version doesn't know allows nothing here.
    scopes: row.scopes.split(' ').filter(isTokenScope),
    label: row.label,
    createdMs: row.created_ms,
    expiresMs: row.expires_ms,
    ...(row.revoked_ms === null ? {} : { revokedMs: row.revoked_ms }),
  }
}
