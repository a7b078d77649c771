import { connectAdmin } from '../../../operate/admin/connect-admin.ts'
import { adminSocketPath } from '../../../operate/admin/socket-path.ts'
import type { Operations } from '../../../operate/operations/operations.ts'
import type { GatewayCredentials } from '../../../operate/simulator/gateway-link.ts'
import type { GatewayName } from '../../../schemas/topics.ts'

export interface Enrolled {
  readonly caPem: string
  readonly credentials: GatewayCredentials
}

/** What an operator does, through the process that runs on a data folder. */
export async function operationsOn(dataFolder: string): Promise<Operations> {
  const operations = await connectAdmin(adminSocketPath(dataFolder))
  if (operations === undefined) throw new Error('The product does not answer on its admin socket.')
  return operations
}

export async function enrolGateway(operations: Operations, { tenant, gateway }: GatewayName): Promise<Enrolled> {
  const { caPem, certificatePem, privateKeyPem = '' } = await operations.call('gateways.enrol', { tenant, gateway })
  return { caPem, credentials: { tenant, gateway, certificatePem, privateKeyPem } }
}

/** A new customer with one gateway. */
export async function enrolOne(dataFolder: string, name: GatewayName): Promise<Enrolled> {
  const operations = await operationsOn(dataFolder)
  await operations.call('tenants.add', { tenant: name.tenant, name: name.tenant })
  return enrolGateway(operations, name)
}
