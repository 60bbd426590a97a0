// Which package stands for dataloader here.
console.log(JSON.stringify(require('dataloader/package.json').name))
