const box=document.querySelector('.search'),field=box.querySelector('input'),told=box.querySelector('span');
const folds=[...document.querySelectorAll('details.kind')],before=folds.map(fold=>fold.open);
box.hidden=false;
field.addEventListener('input',()=>{
const words=field.value.toLowerCase().split(/\s+/).filter(Boolean);
let all=0,shown=0;
folds.forEach((fold,at)=>{
let here=0;
for(const article of fold.querySelectorAll('article')){
const fits=words.every(word=>article.textContent.toLowerCase().includes(word));
article.hidden=!fits;here+=fits;all++}
fold.hidden=!here;fold.open=words.length?here>0:before[at];shown+=here});
for(const file of document.querySelectorAll('.file'))file.hidden=!file.querySelector('details:not([hidden])');
told.textContent=words.length?`${shown} of ${all} changes`:''});
