// The class itself, as `require('dataloader')` gives it.
module.exports = require('../dist/cjs/index.js').default
