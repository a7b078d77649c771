import type { Kysely, Transaction } from 'kysely'
import type { GatewayStore } from '../../ports/metadata.ts'
import { MillraceError } from '../../runtime/errors.ts'
import { insertCertificate, revokeCertificates } from './certificates.ts'
import type { Guard } from './guard.ts'
import type { Tables } from './tables.ts'
import { assertTenant } from './tenants.ts'

export type Enrolment = Pick<GatewayStore, 'enrolGateway' | 'rotateGateway' | 'revokeGateway'>

/** Every change begins with the gateway's own row: that locks it, so that changes to one gateway come one after the other. */
export function createEnrolment(db: Kysely<Tables>, guard: Guard): Enrolment {
  return {
    enrolGateway: ({ tenant, id, enrolledMs, certificate }) =>
      guard(() =>
        db.transaction().execute(async (transaction) => {
          await assertTenant(transaction, tenant)
          const number = await claimGateway(transaction, { tenant, id, enrolledMs })
          await insertCertificate(transaction, { tenant, gateway: id, number, certificate })
        }),
      ),

    rotateGateway: ({ tenant, id, certificate, revokeOthersMs }) =>
      guard(() =>
        db.transaction().execute(async (transaction) => {
          const number = await nextCertificateNumber(transaction, { tenant, id })
          await revokeCertificates(transaction, { tenant, gateway: id, revokedMs: revokeOthersMs })
          await insertCertificate(transaction, { tenant, gateway: id, number, certificate })
        }),
      ),

    revokeGateway: ({ tenant, id, revokedMs }) =>
      guard(() =>
        db.transaction().execute(async (transaction) => {
          const { numUpdatedRows } = await transaction
            .updateTable('gateway')
            .set({ revoked_ms: revokedMs })
            .where('tenant', '=', tenant)
            .where('id', '=', id)
            .where('revoked_ms', 'is', null)
            .executeTakeFirstOrThrow()
          if (numUpdatedRows === 0n) {
            // Revoking twice is harmless: the first time stands.
            if (await isEnrolled(transaction, { tenant, id })) return
            throw unknownGateway({ tenant, id })
          }
          await revokeCertificates(transaction, { tenant, gateway: id, revokedMs })
        }),
      ),
  }
}

interface GatewayKey {
  readonly tenant: string
  readonly id: string
}

/** @returns the number of the gateway's next certificate. @throws {MillraceError} `gateway.exists`. */
async function claimGateway(
  transaction: Transaction<Tables>,
  { tenant, id, enrolledMs }: GatewayKey & { readonly enrolledMs: number },
): Promise<number> {
  const row = await transaction
    .insertInto('gateway')
    .values({ tenant, id, enrolled_ms: enrolledMs, revoked_ms: null, certificate_count: 1 })
    .onConflict((conflict) =>
      conflict
        .columns(['tenant', 'id'])
        .doUpdateSet((update) => ({
          enrolled_ms: enrolledMs,
          revoked_ms: null,
          certificate_count: update('gateway.certificate_count', '+', 1),
        }))
        .where('gateway.revoked_ms', 'is not', null),
    )
    .returning('certificate_count')
    .executeTakeFirst()
  if (row) return row.certificate_count
  throw new MillraceError(
    'gateway.exists',
    `The gateway ${id} of ${tenant} is enrolled already. Give it a new certificate with: npx millrace gateways rotate ${id} --tenant ${tenant}; or revoke it first.`,
    { details: { tenant, gateway: id } },
  )
}

/** @throws {MillraceError} `gateway.unknown`, `gateway.revoked`. */
async function nextCertificateNumber(transaction: Transaction<Tables>, { tenant, id }: GatewayKey): Promise<number> {
  const row = await transaction
    .updateTable('gateway')
    .set((update) => ({ certificate_count: update('certificate_count', '+', 1) }))
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .where('revoked_ms', 'is', null)
    .returning('certificate_count')
    .executeTakeFirst()
  if (row) return row.certificate_count
  if (!(await isEnrolled(transaction, { tenant, id }))) throw unknownGateway({ tenant, id })
  throw new MillraceError(
    'gateway.revoked',
    `The gateway ${id} of ${tenant} is revoked. Enrol it anew: npx millrace gateways enrol ${id} --tenant ${tenant} --out DIR.`,
    { details: { tenant, gateway: id } },
  )
}

async function isEnrolled(transaction: Transaction<Tables>, { tenant, id }: GatewayKey): Promise<boolean> {
  const row = await transaction
    .selectFrom('gateway')
    .select('id')
    .where('tenant', '=', tenant)
    .where('id', '=', id)
    .executeTakeFirst()
  return row !== undefined
}

function unknownGateway({ tenant, id }: GatewayKey): MillraceError {
  return new MillraceError(
    'gateway.unknown',
    `There is no gateway ${id} of ${tenant}. See npx millrace gateways list --tenant ${tenant}, or enrol it first.`,
    { details: { tenant, gateway: id } },
  )
}
