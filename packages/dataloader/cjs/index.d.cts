import { DataLoader } from '../dist/cjs/index.js'

export = DataLoader
