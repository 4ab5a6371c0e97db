const box=document.querySelector('.search');box.hidden=false;const field=box.querySelector('input');
field.addEventListener('input',()=>{const words=field.value.toLowerCase().split(/\s+/).filter(Boolean);
for(const group of document.querySelectorAll('details.kind')){let shown=0;
for(const one of group.querySelectorAll('article')){const fits=words.every(w=>one.textContent.toLowerCase().includes(w));
one.hidden=!fits;shown+=fits}group.hidden=!shown;if(words.length)group.open=true}});
