import { DataLoader } from '../dist/index.js'

export = DataLoader
