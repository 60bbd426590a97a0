/**
 * Chromium, if it is there, that neither needs a screen nor speaks with anyone but us.
 */

import { existsSync } from 'node:fs'

import { chromium, type Browser } from 'playwright-core'

export const executablePath = '/usr/bin/chromium'
export const isInstalled = existsSync(executablePath)

export function launch(): Promise<Browser> {
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ]
  return chromium.launch({ executablePath, args })
}
