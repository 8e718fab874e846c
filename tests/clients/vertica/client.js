// Connects with the vendor's vertica-nodejs, runs queries, and prints what came of it as one JSON object.
//
// Everything comes from the environment, so that no password stands in a list of processes:
// SIM_HOST, SIM_PORT, SIM_USER, SIM_PASSWORD, SIM_DATABASE, SIM_TOKEN, SIM_TLSMODE, SIM_CA, and
// SIM_QUERIES, one query a line. NODE_PATH says where the client is.

'use strict'

const { Client } = require('vertica-nodejs')

function failure(error) {
  return { class: error.name, sqlstate: error.code ?? null, message: String(error.message) }
}

async function main() {
  const environment = process.env
  const options = {
    host: environment.SIM_HOST,
    port: Number(environment.SIM_PORT),
    user: environment.SIM_USER,
    password: environment.SIM_PASSWORD,
    database: environment.SIM_DATABASE,
    connectionTimeoutMillis: 10000,
  }
  if (environment.SIM_TOKEN) options.oauth_access_token = environment.SIM_TOKEN
  if (environment.SIM_TLSMODE) options.tls_mode = environment.SIM_TLSMODE
  if (environment.SIM_CA) options.tls_trusted_certs = environment.SIM_CA

  const result = { results: [], warnings: [] }
  const client = new Client(options)
  client.on('notice', (notice) => result.warnings.push(String(notice.message)))
  client.on('error', (error) => {
    result.late = failure(error)
  })
  try {
    await client.connect()
    result.protocol = client.protocol_version
    for (const query of (environment.SIM_QUERIES ?? '').split('\n').filter(Boolean)) {
      try {
        const answer = await client.query({ text: query, rowMode: 'array' })
        const columns = answer.fields.map((field) => [field.name, field.dataTypeID])
        result.results.push({ columns, rows: answer.rows })
      } catch (error) {
        result.results.push({ error: failure(error) })
      }
    }
    await client.end()
  } catch (error) {
    result.error = failure(error)
  }
  process.stdout.write(JSON.stringify(result) + '\n', () => process.exit(0))
}

main()
